"""Guards every open trade: raises its stop, asks for exits, and halts the desk when too much is lost."""
