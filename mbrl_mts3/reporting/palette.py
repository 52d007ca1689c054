"""Colours that people with any of the common colour blindnesses can tell apart.

Source: Okabe and Ito, "Color Universal Design", 2008. Lines also differ in style, so that colour never carries a
meaning alone.
"""

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
SKY = "#56B4E9"
INK = "#1F2328"
GREY = "#6E7781"
GRID = "#E3E6EA"
SHADE = "#F1F3F5"
WALL = "#C9CED4"

MODEL = BLUE
TRUTH = INK
PERSISTENCE = VERMILLION
TRAINING_MEAN = GREY
REAL = GREEN

DISTINCT = (INK, BLUE, VERMILLION, GREEN, SKY)
"""May meet in one figure as lines; greys are for references and the background."""
