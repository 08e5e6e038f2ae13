"""The processes that run user code: the template that imports the application and forks, and the workers that serve.

`apploader` is the only importer of user code; `core` is the way of a request.
"""
