"""What docs/promises.md promises, tried.

torture.py          what is promised, tried: a table
torture_kills.py    runs that end in the middle, full disks, two writers
torture_settings.py settings that are nonsense or worse
torture_damage.py   bits flipped, files deleted and swapped
small_build.py      a build in a fork that may be killed
damage.py           damage to files, and undone
torture_raw.py      damaged RAW files: what comes of each
local_nodes.py      a Ray cluster of this machine's processes
torture_nodes.py    what Ray and its nodes do to a run
torture_places.py   the same build in other places
"""
