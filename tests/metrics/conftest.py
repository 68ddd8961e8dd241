import importlib.util
import sys
from pathlib import Path

# Tests are imported by path, so their shared cases must be too.
_spec = importlib.util.spec_from_file_location("metric_cases", Path(__file__).with_name("cases.py"))
_module = importlib.util.module_from_spec(_spec)
sys.modules["metric_cases"] = _module
_spec.loader.exec_module(_module)
