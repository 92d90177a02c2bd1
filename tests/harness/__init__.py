"""What scenario tests and the demo stand on: a throwaway cluster, the service, and patience."""
