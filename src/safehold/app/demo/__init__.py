"""`safehold demo`: the main job from end to end, on real processes, as the people concerned would do it.

`walk` is the main walk, `lenient` the second, `bad_input` what must be refused, `tamper` the record
under attack. `person` is somebody at a browser, `processes` starts what is needed, `microblog` and
`matrix` are the two hosts. Nothing here is used outside the demo and the end-to-end tests.
"""
