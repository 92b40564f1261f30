"""The canary: small trials that run until stopped, judged one by one and counted for Prometheus."""
