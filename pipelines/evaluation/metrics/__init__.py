"""What a trained code is worth: measures of codes and images, each a plain function of arrays."""
