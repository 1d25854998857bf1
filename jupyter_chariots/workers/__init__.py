"""Where pipelines run: in child processes, never in the server's.

The server's side: :mod:`.launcher` says how children are started, :mod:`.process` is the handle on
one, :mod:`.outstanding` has the requests that it is to answer, :mod:`.guard` ends them when the
server is gone, :mod:`.replicas` answers calls, :mod:`.dispatch` gives them out, :mod:`.trainers`
runs what changes state, :mod:`.describe` finds the pipelines of modules. The child's side:
:mod:`.child`, :mod:`.hosted`, :mod:`.runs`, :mod:`.codec`, :mod:`.envelope`, :mod:`.modules`.
Between them travel :mod:`.frames`.
"""
