"""What is wrong, by the rules of certificates, ports, hosts and policies; pure."""
