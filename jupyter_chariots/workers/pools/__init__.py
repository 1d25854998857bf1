"""Where jobs run: the pools of workers that a server can have; see :mod:`.base`."""
