github_repository = "your-organisation/tabi"
