"""`python -m dispatch` is `dispatch`."""

import os
import sys

if __name__ == "__main__":
    if not sys.flags.safe_path and sys.path[0] == os.getcwd():
        del sys.path[0]  # a file here, such as litellm.py, is no part of this program

    from dispatch.cli import main

    main()
