"""The released SEAGULL-100w (Hub: Zevin2023/SEAGULL-100w) as a workspace, and what its folders are.

released_layout.py where its images are, in folders or zips
json_walk.py     a large JSON file object by object, whatever its nesting
entries.py       ROIs and scores out of these objects, and what fitted nothing
import_store.py  what an import has read and done so far, on disk
import_scene.py  one image's renderings, ROIs and labels
importing.py     the whole: a workspace, and the report of what did not fit
fit.py           our distortions on a finished picture, and the parameter that fits a pair
audit.py         each folder's parameter and residual; its scores beside our scorer's
"""
