"""The PROXY protocol: what a load balancer says of the client it speaks for."""
