"""A web page that shows the tags of a batch: `demarche report`."""
