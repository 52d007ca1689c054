"""python -m mbrl_mts3.scripts.report."""

from mbrl_mts3.scripts.report.pages import main

if __name__ == "__main__":
    main()
