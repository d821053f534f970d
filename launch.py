"""Opens the demo: python launch.py --help tells how."""

from webui.app import main

if __name__ == "__main__":
    main()
