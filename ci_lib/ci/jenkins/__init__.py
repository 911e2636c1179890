"""Jenkins: who answered the `input`, and who must not have.

Nothing in a build's environment is believed: ``BUILD_URL``, ``JOB_NAME`` and what `input` returned are text that a
script passes on. Which server and which job count stands in release.yml's policy (`ci_lib.vouching`); which build this
is, is proven by its console; who answered is read from the build's own record, its ``ApproverAction``.

`here` finds out which build this is, `gate` holds its record against what the script says and against signed answers,
`people` knows who started it and what they are called; `adapter` puts them together as the port of `ci_lib.ci.port`.
`remote`, `review`, `follow` and `trigger` are for people at a terminal.
"""
