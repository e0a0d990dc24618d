"""How the LLVM IR that the package ships is made from the Python source of its kernels: `python -m kernels.make`."""
