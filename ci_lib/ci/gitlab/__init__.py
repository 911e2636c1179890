"""GitLab: who pressed the button, and who must not have.

Nothing in a job's environment is believed: whoever starts a pipeline may set variables, and these override the
predefined ones. Every variable that is read here is a secret or a signature that only the server can have made
(``ML_RELEASE_ID_TOKEN``, ``CI_JOB_TOKEN``), or is held against what the server says (`here.COMPARED`). Which server
and which project count stands in release.yml's policy (`ci_lib.vouching`).

`identify` finds out which job this is, `people` who wrote and who started what is released, `gates` what became of the
manual jobs; `adapter` puts them together as the port of `ci_lib.ci.port`.
"""
