"""Charts of the app: a frame goes in, a Vega-Lite dictionary, a sentence and a table come out."""
