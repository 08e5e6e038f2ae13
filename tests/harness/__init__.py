"""What the contract and e2e tests are made of: real servers, a real nginx, and a client of the uwsgi protocol."""
