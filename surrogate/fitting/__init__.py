"""From a dataset to a trained model: `glasma train`."""
