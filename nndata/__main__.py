"""`python -m nndata` is the command line."""

from nndata.cli import main

if __name__ == "__main__":
    main()
