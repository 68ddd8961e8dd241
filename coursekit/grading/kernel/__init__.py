"""A Jupyter kernel in the sandbox, which nbgrader, papermill and JupyterLab call `coursekit-sandbox`."""
