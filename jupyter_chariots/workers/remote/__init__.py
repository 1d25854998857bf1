"""Workers on other machines: what ``jupyter chariots worker`` does.

:mod:`.worker` claims one job after the other, :mod:`.attempt` runs one, :mod:`.keeper` keeps its
lease, :mod:`.scratch` is the store that it runs on, :mod:`.protocol` is what goes over the wire.
"""
