"""Workers on a Dask cluster: the driver sends jobs and data by content, and gets results back."""
