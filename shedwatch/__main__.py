"""`python -m shedwatch` is the command line."""

from shedwatch.cli import app

if __name__ == "__main__":
    app()
