# SPDX-License-Identifier: Apache-2.0
"""Holds what the program prints as JSON against the schemas in src/."""
import json
import subprocess
import sys
from pathlib import Path

VALIDATOR = """
import json, sys
from jsonschema import Draft7Validator
schema, reports = json.load(sys.stdin)
Draft7Validator.check_schema(schema)
print(json.dumps([[error.message for error in Draft7Validator(schema).iter_errors(report)] for report in reports]))
"""


def schema_errors(schema: Path, *reports: dict) -> list[list[str]]:
    """By Debian's python3-jsonschema, which the first python3 on PATH need not know."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import jsonschema"], capture_output=True).returncode == 0:
            done = subprocess.run([python, "-c", VALIDATOR], input=json.dumps([json.loads(schema.read_text()), reports]),
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise AssertionError(done.stderr)
            return json.loads(done.stdout)
    raise AssertionError("there is no python3-jsonschema: `scripts/deps test` installs it")
