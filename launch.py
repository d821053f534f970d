"""Start the demo. Run `python launch.py --help` for the options."""

from webui.app import main

if __name__ == "__main__":
    main()
