"""What is made of a study that is done, of its records and their sidecars alone: a report, tables, figures."""
