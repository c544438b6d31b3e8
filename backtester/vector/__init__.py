"""The vector engine: strategies over whole arrays, then one compiled loop over time and symbols."""
