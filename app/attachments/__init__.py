"""Files that messages carry: taken as streams, known by their bytes, kept in a folder or a bucket, shown to members."""
