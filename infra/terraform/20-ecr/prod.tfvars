images_kept = 200
