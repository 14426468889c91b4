"""`aftercare up`: Temporal, the worker, the web application and the CRM, on this machine."""
