"""What has to run the model, in a child process without secrets."""
