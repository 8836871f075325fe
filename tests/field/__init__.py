"""Data sets in the layouts in which exporters and authors give them out, drawn small."""
