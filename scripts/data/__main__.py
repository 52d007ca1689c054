"""python -m mbrl_mts3.scripts.data."""

from mbrl_mts3.scripts.data.describe import main

if __name__ == "__main__":
    main()
