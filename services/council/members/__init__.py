"""The council's members, one small file each. LLM members will join through the same protocol."""
