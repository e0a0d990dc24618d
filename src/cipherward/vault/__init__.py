"""The vault: encrypted copies of what a study leaves, in a folder or at a storage provider that learns nothing from them."""
