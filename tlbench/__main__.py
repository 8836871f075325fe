"""Entry: `python -m tlbench TOOL …`; see `tlbench.cli.command`."""

from tlbench.cli.command import entry

if __name__ == "__main__":
    entry()
