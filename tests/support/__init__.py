"""What all Python tests share: services, processes, clients, waiting."""
