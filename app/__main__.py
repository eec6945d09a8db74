"""``python -m app`` is ``python -m app.main``."""

import runpy

runpy.run_module("app.main", run_name="__main__", alter_sys=True)
