"""Where pipelines run: in child processes, never in the server's.

The server's side: :mod:`.launcher` says how children are started, :mod:`.process` is the handle on
one, :mod:`.replicas` answers calls, :mod:`.trainers` runs what changes state, :mod:`.describe`
finds the pipelines of modules. The child's side: :mod:`.child`, :mod:`.hosted`, :mod:`.codec`,
:mod:`.envelope`, :mod:`.modules`. Between them travel :mod:`.frames`.
"""
