"""The commands, one file each. The only place that knows Hydra."""

import sys

from mbrl_mts3.scripts.programs.entry_points import begin_imports, is_module_run

# While Python looks for the module of `python -m`, it puts this in place of the program.
if sys.argv[:1] == ["-m"] and is_module_run(sys.orig_argv):
    begin_imports()
