"""plan=true: what a run or a sweep would train, and how long that would take, without training or writing anything."""
