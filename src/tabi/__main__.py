"""`python -m tabi` is `tabi`."""

from tabi.cli.main import main

if __name__ == "__main__":
    main()
