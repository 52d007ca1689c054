"""python -m mbrl_mts3.scripts.diagnose."""

from mbrl_mts3.scripts.diagnose.diagnosis import main

if __name__ == "__main__":
    main()
