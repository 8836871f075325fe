"""Figures, and boxes, masks and labels on images; it knows neither tasks nor annotations."""
