#!/usr/bin/env python
import os
import sys

from django.core.management import execute_from_command_line

from imagestudio.lib.env import ConfigurationError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagestudio.settings")
    try:
        execute_from_command_line(sys.argv)
    except ConfigurationError as reason:
        sys.exit(f"ImageStudio cannot start: {reason}")
