"""The canary: small, polite trials for as long as it lives, judged one by one, and counted for Prometheus."""
