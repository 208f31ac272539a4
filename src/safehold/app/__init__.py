"""What makes the rooms one program: settings, the command line, the processes, the demo."""
